"""The HTTP edge: API keys, the middleware of every request, error responses, OpenAPI, the server."""
