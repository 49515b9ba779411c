"""Prints how the packages depend on each other: imports that run upwards, circles, sizes, functions that grew.

Run it as `python docs/structure.py`. It reads source text alone and imports none of it.
"""

import ast
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
FLOORS = {"auralflow_core": 0, "auralflow_jax": 1, "auralflow_torch": 1, "bridge": 2, "auralflow": 3}
ENTRY_POINT = "auralflow_jax.train.__main__"  # calls the command, and nobody imports it


class Import(NamedTuple):
    """One file's import of another."""

    importer: str  # module names
    imported: str


def source_files(root: Path = ROOT) -> dict[str, Path]:
    """The files of all packages, by the name of their module; a package's is that of its `__init__`."""
    files = {}
    for package in FLOORS:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


def find_imports(files: Mapping[str, Path]) -> list[Import]:
    """Every import of one file by another: at the top, inside a function, for type checking, or lazily by name."""
    found = set()
    for importer, path in files.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = _imported(node, files, lazy=path.name == "__init__.py")
            found |= {Import(importer, name) for name in names if name != importer}
    return sorted(found)


def _imported(node: ast.AST, files: Mapping[str, Path], lazy: bool) -> list[str]:
    """The modules that a node of a file's syntax tree imports; lazy: a string that names a module imports it."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        if node.level:
            raise ValueError(f"relative import of {node.module!r} in line {node.lineno}; packages are named in full")
        # `from package import module` imports the module, `from module import name` the module that holds it.
        whole = [f"{node.module}.{alias.name}" for alias in node.names]
        names = [name if name in files else name.rpartition(".")[0] for name in whole]
    elif lazy and isinstance(node, ast.Constant) and isinstance(node.value, str):
        names = [node.value.partition(":")[0]]
    else:
        names = []
    return [name for name in names if name in files]


def upward_imports(imports: Iterable[Import]) -> list[Import]:
    """The imports of a package that stands above the importer's, or of its twin."""

    def runs_up(importer: str, imported: str) -> bool:
        ours, theirs = (name.partition(".")[0] for name in (importer, imported))
        return ours != theirs and FLOORS[ours] <= FLOORS[theirs]

    return [edge for edge in imports if runs_up(*edge)]


def circles(imports: Iterable[Import]) -> list[list[str]]:
    """Files that import each other, directly or through others: the strongly connected components (Tarjan 1972).

    Importing `package.module` runs the package's `__init__` first, so that counts as an import as well.

    Returns:
        The members of each circle, sorted; none where every file stands above all that it imports.
    """
    below: dict[str, set[str]] = {}
    for importer, imported in imports:
        below.setdefault(importer, set()).update((imported, *_packages(importer, imported)))
    number, lowest, stack, found = {}, {}, [], []

    def visit(module: str) -> None:
        number[module] = lowest[module] = len(number)
        stack.append(module)
        for other in below.get(module, ()):
            if other not in number:
                visit(other)
            if other in stack:
                lowest[module] = min(lowest[module], lowest[other])
        if lowest[module] == number[module]:
            place = stack.index(module)
            if len(stack) - place > 1:
                found.append(sorted(stack[place:]))
            del stack[place:]

    for module in below:
        if module not in number:
            visit(module)
    return sorted(found)


def _packages(importer: str, imported: str) -> list[str]:
    """The packages whose `__init__` an import runs first; those that the importer is in have begun to run already."""
    parts = imported.split(".")
    packages = [".".join(parts[:depth]) for depth in range(1, len(parts))]
    return [package for package in packages if not f"{importer}.".startswith(f"{package}.")]


def count_lines(files: Mapping[str, Path]) -> dict[str, int]:
    """The lines of each package."""
    lines = Counter()
    for module, path in files.items():
        lines[module.partition(".")[0]] += len(path.read_text(encoding="utf-8").splitlines())
    return dict(lines)


def long_functions(files: Mapping[str, Path], limit: int = 40) -> list[tuple[str, int]]:
    """The functions with more lines of code than a limit, their docstring not counted, and how many they have."""
    found = []
    for module, path in files.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                first = node.body[min(ast.get_docstring(node) is not None, len(node.body) - 1)]
                last = node.end_lineno or node.lineno
                lines = node.body[0].lineno - node.lineno + last - first.lineno + 1
                if lines > limit:
                    found.append((f"{module}.{node.name}", lines))
    return found


def main() -> None:
    """Prints the table."""
    files = source_files()
    imports, lines = find_imports(files), count_lines(files)
    upward, found = upward_imports(imports), circles(imports)
    print(f"upward imports    {len(upward)}")
    for importer, imported in upward:
        print(f"    {importer} -> {imported}")
    print(f"circles of files  {len(found)}")
    for members in found:
        print(f"    {' '.join(members)}")
    print(f"lines             {sum(lines.values())}")
    for package, count in sorted(lines.items(), key=lambda item: -item[1]):
        print(f"    {package:<16} {count:>5}  {100 * count / sum(lines.values()):.1f} %")
    print(f"functions over 40 lines  {len(long := long_functions(files))}")
    for name, count in long:
        print(f"    {name} {count}")
    print(f"README lines      {len((ROOT / 'README.md').read_text(encoding='utf-8').splitlines())}")


if __name__ == "__main__":
    main()
