"""The oldest job interface, `/v1/job`, for clients that still send it beside GraphQL."""
