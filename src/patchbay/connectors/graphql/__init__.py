"""GraphQL systems: their schema from an introspection result or SDL into the graph, and the proof of a compiled document."""
