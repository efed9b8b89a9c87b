"""The AI Data GraphQL interface, `POST /v3/graphql`."""

from enginehouse.api.graphql.transport import graphql

__all__ = ["graphql"]
