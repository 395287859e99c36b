"""The contracts that `make check` holds the imports to: the Pulumi program is no blind spot."""

from grimp import ImportGraph

from tests.import_contracts import with_program


def test_an_import_of_the_program_leads_to_its_module() -> None:
    graph = ImportGraph()
    for module in ("infra", "infra.naming", "infra.alarms", "local.stack"):
        graph.add_module(module)
    graph.add_module("naming", is_squashed=True)
    for importer in ("infra.alarms", "local.stack"):
        graph.add_import(
            importer=importer, imported="naming", line_number=3, line_contents="import naming"
        )
    linked = with_program(graph)
    for importer in ("infra.alarms", "local.stack"):
        assert linked.find_modules_directly_imported_by(importer) == {"infra.naming"}
    assert "naming" not in linked.modules
