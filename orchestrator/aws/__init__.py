"""Backend: SageMaker."""
