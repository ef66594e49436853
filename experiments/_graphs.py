"""Graphs of the experiment on graph algorithms, and what networkx says of them."""

from typing import NamedTuple

import networkx as nx
import numpy as np

VERTICES = 128


class Case(NamedTuple):
    """A graph as a matrix, and the exact results on it."""

    adjacency: np.ndarray
    source: int
    pagerank: np.ndarray
    levels: np.ndarray
    distances: np.ndarray
    components: np.ndarray


def _lengths(graph: nx.Graph, seed: int) -> nx.Graph:
    """The graph with random lengths from 1 to 10."""
    rng = np.random.default_rng(seed)
    nx.set_edge_attributes(graph, {edge: int(rng.integers(1, 11)) for edge in graph.edges}, "weight")
    return graph


GRAPHS = {
    "Erdős–Rényi": lambda: _lengths(nx.gnp_random_graph(VERTICES, 0.05, seed=1), 0),
    "Barabási–Albert": lambda: _lengths(nx.barabasi_albert_graph(VERTICES, 3, seed=0), 0),
    "Watts–Strogatz": lambda: _lengths(nx.watts_strogatz_graph(VERTICES, 6, 0.1, seed=0), 0),
    "fragments": lambda: _lengths(nx.gnp_random_graph(VERTICES, 1.2 / VERTICES, seed=0), 0),
    "karate club": nx.karate_club_graph,
    "les misérables": nx.les_miserables_graph,
}
REAL = ("karate club", "les misérables")


def case(name: str) -> Case:
    """One of the graphs; paths start at the first vertex of its largest component."""
    graph = nx.convert_node_labels_to_integers(GRAPHS[name]())
    return of(graph, min(max(nx.connected_components(graph), key=len)))


def of(graph: nx.Graph, source: int = 0) -> Case:
    """A graph with vertices 0 to n - 1."""
    count = len(graph)
    by_vertex = lambda found, missing: np.array([found.get(vertex, missing) for vertex in range(count)])
    components = np.zeros(count, int)
    for part in nx.connected_components(graph):
        components[list(part)] = min(part)
    return Case(
        nx.to_numpy_array(graph, nodelist=range(count)),
        source,
        by_vertex(nx.pagerank(graph, tol=1e-12, max_iter=1000), 0.0),
        by_vertex(nx.single_source_shortest_path_length(graph, source), -1),
        by_vertex(nx.single_source_dijkstra_path_length(graph, source), np.inf),
        components,
    )
