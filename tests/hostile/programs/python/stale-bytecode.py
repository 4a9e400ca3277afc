"""Leaves newer bytecode beside modules, in caches and in place of sources: none of it runs when the sources are graded."""
import importlib.util, marshal, py_compile

os.makedirs("/workspace/__pycache__", exist_ok=True)
code = marshal.dumps(compile("def double(x): return 2 * x", "double.py", "exec"))
head = importlib.util.MAGIC_NUMBER + (0b11).to_bytes(4, "little") + b"\0" * 8
open("/workspace/__pycache__/double.cpython-%d%d.pyc" % sys.version_info[:2], "wb").write(head + code)
