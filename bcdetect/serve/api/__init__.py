"""The JSON API: one router a topic. A route reads the request, lets `work` call the library, and gives back what it said."""
