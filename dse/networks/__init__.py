"""Networks: read from files of Keras or from plain tables, without importing Keras."""

from dse.networks.read import network_from_keras, read_network
from dse.networks.table import layer_from_table, network_from_tables

__all__ = ["layer_from_table", "network_from_keras", "network_from_tables", "read_network"]
