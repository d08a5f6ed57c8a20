"""Placeholder until nodes come."""


class Node:
    def __init__(self, rig):
        self.rig = rig


class Balancer(Node):
    pass
