"""Sizer counts the weights of recurrent networks exactly."""

from sizer.networks.counting import count

__version__ = "0.1.0"
