"""Facts about AWS that ship with the package: data with source and date, and readers."""
