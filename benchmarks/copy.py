"""Registry to registry, against skopeo, crane, oras and docker: see ``registry_copy.py``, which this runs.

A script's own folder comes first when Python looks for modules: whoever imports the standard library's ``copy`` from a
script beside this one finds this file, and is handed the right module.
"""

import importlib.util
import sys
from pathlib import Path

if __name__ == "__main__":
    import runpy

    runpy.run_path(str(Path(__file__).with_name("registry_copy.py")), run_name="__main__")
else:
    found = importlib.util.spec_from_file_location(__name__, Path(importlib.__file__).parents[1] / "copy.py")
    assert found is not None
    assert found.loader is not None
    sys.modules[__name__] = importlib.util.module_from_spec(found)
    found.loader.exec_module(sys.modules[__name__])
