"""From a description to the graph: objects and fields of its schemas, operations with flat arguments."""
