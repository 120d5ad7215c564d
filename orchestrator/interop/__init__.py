"""Objects of other tools, in and out: the SageMaker Python SDK."""
