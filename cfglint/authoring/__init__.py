"""Rule schema, compile, lint, docs: the only place that imports pydantic."""
