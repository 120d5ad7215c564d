"""Metrics to the trackers that `report_to` names: TensorBoard, MLflow, Weights & Biases."""
