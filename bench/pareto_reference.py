"""Times the Pareto kernels of pymoo and moocore on the point sets that bench/pareto.ts has written.

Usage: python3 pareto_reference.py CASES.json. Prints one JSON object: the versions found, the modules missing, and the
least milliseconds per case and library. Sorting: ranks of all points; volume: exact hypervolume.
"""

import importlib
import json
import sys
import time

MODULES = ("numpy", "pymoo", "moocore")


def least_ms(work, repeats):
    result = work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return min(times), result


def pymoo_work(kind, points, case):
    if kind == "sort":
        from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

        return lambda: len(NonDominatedSorting().do(points))
    if kind == "crowding":
        from pymoo.operators.survival.rank_and_crowding.metrics import calc_crowding_distance

        return lambda: float(calc_crowding_distance(points)[0])
    if kind == "hypervolume":
        import numpy
        from pymoo.indicators.hv import HV

        return lambda: float(HV(ref_point=numpy.array(case["reference"])).do(points))
    from pymoo.indicators.igd_plus import IGDPlus

    return lambda: float(IGDPlus(points).do(points[::10]))


def moocore_work(kind, points, case):
    import moocore

    if kind == "sort":
        return lambda: int(moocore.pareto_rank(points).max()) + 1
    if kind == "hypervolume":
        return lambda: float(moocore.hypervolume(points, ref=case["reference"]))
    if kind == "igd+":
        return lambda: float(moocore.igd_plus(points[::10], ref=points))
    return None


def most_points(versions, kind):
    """Before 0.6.2 pymoo sorts by a matrix of all pairs and sweeps in Python, hopeless for many points; then it asks moocore."""
    numbers = tuple(int(part) for part in versions["pymoo"].split(".")[:3])
    if numbers >= (0, 6, 2) or kind not in ("sort", "hypervolume"):
        return 10**9
    return 2000 if kind == "sort" else 1000


def main():
    versions, missing = {}, []
    for name in MODULES:
        try:
            versions[name] = importlib.import_module(name).__version__
        except ImportError:
            missing.append(name)
    times = []
    if "numpy" in versions:
        import numpy

        with open(sys.argv[1], encoding="utf8") as file:
            cases = json.load(file)
        for case in cases:
            points = numpy.fromfile(case["file"]).reshape(case["count"], case["objectives"])
            for library, maker in (("pymoo", pymoo_work), ("moocore", moocore_work)):
                if library not in versions:
                    continue
                if library == "pymoo" and case["count"] > most_points(versions, case["kind"]):
                    continue
                work = maker(case["kind"], points, case)
                if work is None:
                    continue
                ms, result = least_ms(work, case["repeats"])
                times.append({"id": case["id"], "library": library, "ms": ms, "result": result})
    json.dump({"versions": versions, "missing": missing, "times": times}, sys.stdout)


main()
