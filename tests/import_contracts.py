"""Contracts of import-linter that know the modules of the Pulumi program.

Pulumi puts `infra` itself on the path, so its modules import each other as `naming`, not as
`infra.naming`. To import-linter these are packages of somebody else, whose arrows lead nowhere.
"""

from grimp import ImportGraph
from importlinter import ContractCheck
from importlinter.contracts.acyclic_siblings import AcyclicSiblingsContract
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract

PROGRAM = "infra"


def with_program(graph: ImportGraph) -> ImportGraph:
    """The graph, where an import of `naming` leads to `infra.naming`."""
    for module in graph.find_children(PROGRAM):
        name = module.removeprefix(f"{PROGRAM}.")
        if name not in graph.modules:
            continue  # nobody imports it
        for importer in graph.find_modules_that_directly_import(name):
            for details in graph.get_import_details(importer=importer, imported=name):
                graph.add_import(
                    importer=importer,
                    imported=module,
                    line_number=details["line_number"],
                    line_contents=details["line_contents"],
                )
        graph.remove_module(name)
    return graph


class Layers(LayersContract):
    """`layers`, over the program too."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        return super().check(with_program(graph), verbose)


class Forbidden(ForbiddenContract):
    """`forbidden`, over the program too."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        return super().check(with_program(graph), verbose)


class Acyclic(AcyclicSiblingsContract):
    """`acyclic_siblings`, over the program too."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        return super().check(with_program(graph), verbose)
