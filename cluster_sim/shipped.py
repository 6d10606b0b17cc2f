"""The definitions that come with the program: in the checkout's workloads/, or inside the installed package."""

from pathlib import Path

PACKAGE = Path(__file__).parent


def workloads_directory() -> Path:
    """Where the shipped definitions and their traces lie."""
    inside = PACKAGE / "shipped_workloads"
    return inside if inside.is_dir() else PACKAGE.parent / "workloads"


def shipped_workloads() -> list[Path]:
    """All shipped definitions, by name."""
    return sorted(workloads_directory().glob("*.yaml"))


def find_workload(named: Path) -> Path:
    """A file as given, else the shipped definition of that name or path; what is not found is given back."""
    try:
        if named.exists():
            return named
        shipped = workloads_directory() / Path(named.name).with_suffix(".yaml")
        is_shipped_name = named.parent in (Path(), Path("workloads"))
        return shipped if is_shipped_name and shipped.is_file() else named
    except OSError:
        return named
