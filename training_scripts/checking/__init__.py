"""What can be said of data before there is a spec: sizes, repeats, languages, personal data."""
