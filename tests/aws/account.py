"""The account that the tests have."""

REGION = "eu-central-1"
ROLE = "arn:aws:iam::123456789012:role/fmo"
BUCKET = "acme-dev"
SERVED = "111111111111"
"""The account of the server that commands talk to."""
