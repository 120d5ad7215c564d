"""fmo from a program or a notebook: pipelines that run, results as objects, tables as data."""
