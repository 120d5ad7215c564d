"""What runs inside a job: thin entry scripts over a library in named packages."""
