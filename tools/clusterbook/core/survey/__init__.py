"""Survey: what the objects of a cluster say, one at a time, so that twenty thousand of them need not be there at once.

Knows how nodes, pods, policies and Helm's records become readings, and which part of an object is kept. Does not know
how a cluster is asked. Source: reference rows S10-S16, S20.
"""
