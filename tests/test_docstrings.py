"""What is public has a docstring and types; modules and functions are short."""

import ast
import statistics

from harness import ROOT

# Methods of Keras that are overridden: what they do is said by Keras, and what is
# particular to a class by the class.
OF_KERAS = {
    "add_weight",
    "build",
    "call",
    "compute_output_shape",
    "convolution_op",
    "from_config",
    "get_config",
    "load_own_variables",
    "metrics",
    "save_own_variables",
    "test_step",
    "train_step",
    "update_step",
}

# Of a class whose docstring speaks for them.
OF_PYTHON = {"__call__", "__init__", "__len__"}

# Errors that say that something is not there, as Python has it.
OF_NOBODY = {"AttributeError", "NotImplementedError"}

LONGEST_MODULE = 320
MEDIAN, NINE_TENTHS = 7, 20  # lines of code of a function


def modules():
    """[(path below the repository, tree)] of tfcolor."""
    paths = sorted((ROOT / "tfcolor").rglob("*.py"))
    return [(str(p.relative_to(ROOT)), ast.parse(p.read_text())) for p in paths]


MODULES = modules()
CLASSES = {
    (path, node.name): node
    for path, tree in MODULES
    for node in tree.body
    if isinstance(node, ast.ClassDef)
}


def imported(tree):
    """{name: (path, name there)} of what a module has from others of tfcolor."""
    return {
        alias.asname or alias.name: (node.module.replace(".", "/") + ".py", alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


IMPORTED = {path: imported(tree) for path, tree in MODULES}


def public():
    """Yields (path, class or None, function) of what is public."""
    for path, tree in MODULES:
        for node in tree.body:
            if getattr(node, "name", "_").startswith("_"):
                continue
            if isinstance(node, ast.FunctionDef):
                yield path, None, node
            if isinstance(node, ast.ClassDef):
                for each in node.body:
                    if isinstance(each, ast.FunctionDef) and (
                        each.name in OF_PYTHON or not each.name.startswith("_")
                    ):
                        yield path, node, each


PUBLIC = list(public())


def bases(path, owner):
    """The classes of tfcolor that a class is derived from, the nearest first."""
    for base in owner.bases if owner else ():
        place = IMPORTED[path].get(ast.unparse(base), (path, ast.unparse(base)))
        if place in CLASSES:
            yield CLASSES[place]
            yield from bases(place[0], CLASSES[place])


def inherited(path, owner, name):
    """The docstring of the method that this one overrides, or ""."""
    methods = [each for base in bases(path, owner) for each in base.body]
    methods = [each for each in methods if getattr(each, "name", "") == name]
    return next(filter(None, map(ast.get_docstring, methods)), "")


def said(path, owner, function):
    """All that is said of a function, by itself, its class and what it overrides."""
    parts = [ast.get_docstring(function), inherited(path, owner, function.name)]
    if owner:
        parts += [ast.get_docstring(each) for each in (owner, *bases(path, owner))]
    return " ".join(filter(None, parts))


def test_modules_and_classes_have_docstrings():
    for path, tree in MODULES:
        assert ast.get_docstring(tree), path
    for place, node in CLASSES.items():
        assert ast.get_docstring(node), place


def test_public_functions_have_docstrings():
    assert len(PUBLIC) > 700
    for path, owner, function in PUBLIC:
        excused = owner and function.name in OF_KERAS | OF_PYTHON
        told = ast.get_docstring(function) or inherited(path, owner, function.name)
        assert told or excused, f"{path}: {function.name}"


def test_public_functions_have_types():
    for path, owner, function in PUBLIC:
        spec = function.args
        arguments = [*spec.posonlyargs, *spec.args][1 if owner else 0 :]
        arguments += [*spec.kwonlyargs, *filter(None, (spec.vararg, spec.kwarg))]
        for argument in arguments:
            assert argument.annotation, f"{path}: {function.name}: {argument.arg}"
        assert function.returns, f"{path}: {function.name}: its result"


def raised(function):
    """Names of the errors that a function raises itself."""
    for node in ast.walk(function):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield ast.unparse(node.exc.func)


def test_errors_are_documented():
    for path, owner, function in PUBLIC:
        for error in {name for name in raised(function) if name[0] != "_"} - OF_NOBODY:
            # A UsageError is a ValueError, a RunError a RuntimeError.
            names = {error, {"UsageError": "ValueError"}.get(error, error)}
            names |= {"RuntimeError"} if error == "RunError" else set()
            text = said(path, owner, function)
            assert any(name in text for name in names), (path, function.name, error)


def test_shapes_are_documented():
    for path, owner, function in PUBLIC:
        types = [a.annotation for a in function.args.args] + [function.returns]
        texts = {ast.unparse(each) for each in types if each}
        if texts & {"Tensor", "np.ndarray"} and function.name not in OF_KERAS:
            text = said(path, owner, function)
            assert "[" in text or "calar" in text, f"{path}: {function.name}"


def lines_of_code(path, function):
    """Without its docstring, empty lines and comments."""
    text = (ROOT / path).read_text().splitlines()
    first = function.body[0]
    told = range(0)
    if ast.get_docstring(function):
        told = range(first.lineno, first.end_lineno + 1)
    numbers = range(function.lineno, function.end_lineno + 1)
    lines = [text[number - 1].strip() for number in numbers if number not in told]
    return sum(bool(line) and not line.startswith("#") for line in lines)


def test_modules_and_functions_are_short():
    lengths = []
    for path, tree in MODULES:
        count = len((ROOT / path).read_text().splitlines())
        assert count <= LONGEST_MODULE, path
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                lengths.append(lines_of_code(path, node))
    assert statistics.median(lengths) <= MEDIAN
    assert statistics.quantiles(lengths, n=10)[-1] <= NINE_TENTHS
