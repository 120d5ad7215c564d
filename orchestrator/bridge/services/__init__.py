"""The services that the bridge carries steps to, one file each."""
