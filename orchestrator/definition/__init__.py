"""The SageMaker Pipelines definition: model, expressions, conditions, validation."""
