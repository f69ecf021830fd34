"""The page that looks at data before anything is trained on it."""
