"""Carries callback steps to services that SageMaker Pipelines has no step for, and answers them.

Runs in Lambda functions, so it needs nothing but the standard library and boto3. Read `bridge.py`
first; `lambdas.py` has the entry points, `services/` one file per service.
"""
