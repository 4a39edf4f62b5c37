"""An MCP server for Huawei Cloud's Server Migration Service (SMS)."""

__version__ = "0.1.0"
