"""The data that ships with bcdetect; installed as the package `bcdetect.data`. See README.md beside this file."""
