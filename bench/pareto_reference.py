"""Times the Pareto kernels of pymoo and moocore for bench/pareto.ts, which starts it and writes requests to it.

First prints the versions found and, for each kernel, whose code runs in pymoo: from 0.6.2 on often moocore's, which is
then timed as moocore's only. Then answers each line {"file", "count", "objectives", "kind", "reference",
"milliseconds"} with one line: for each library the code behind it, the least processor milliseconds of a call and the
result for the first set of points in the file. Needs numpy; libraries that are missing are left out.
"""

import functools
import importlib
import json
import signal
import sys
import time

# Processor time after which calls of pymoo's own code are stopped: "more than" is all that is known of them then.
LIMIT_SECONDS = 1
# Calls that take longer than this are made once.
SLOW_MS = 200
# pymoo's own sorts hold a matrix of all pairs, and its hypervolume is quadratic at best.
MOST_PAIRED = 2000

if not hasattr(signal, "SIGPROF"):
    sys.exit("needs a system with interval timers")


class TooLong(Exception):
    pass


def alarm(_signal, _frame):
    raise TooLong


def load(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


np, pymoo, moocore = load("numpy"), load("pymoo"), load("moocore")


def behind(module, function=None):
    """Whose code runs: moocore's when the module has taken a function from it, else compiled or plain Python."""
    if any((getattr(value, "__module__", None) or "").startswith("moocore") for value in vars(module).values()):
        return "moocore"
    return "Cython" if "cython" in type(function).__name__ else "Python"


def rank_digest(ranks):
    ranks = np.asarray(ranks, dtype=np.int64)
    return float((ranks * (np.arange(len(ranks)) % 97 + 1)).sum())


def loaded(name):
    """A function of old pymoo that exists compiled and in Python."""
    loader = load("pymoo.util.function_loader")
    return loader.load_function(name) if loader else None


def pymoo_sort(points, _case):
    module = importlib.import_module("pymoo.util.nds.non_dominated_sorting")
    backing = behind(module, loaded("fast_non_dominated_sort"))
    if backing != "moocore" and len(points) > MOST_PAIRED:
        return
    yield backing, lambda: rank_digest(module.NonDominatedSorting().do(points, return_rank=True)[1])
    plain = load("pymoo.util.nds.fast_non_dominated_sort")
    if backing == "moocore" and plain and len(points) <= MOST_PAIRED:

        def ranks():
            fronts = plain.fast_non_dominated_sort(points)
            return rank_digest(module.rank_from_fronts(fronts, len(points)))

        yield "Python", ranks


def pymoo_front(points, _case):
    module = importlib.import_module("pymoo.util.nds.non_dominated_sorting")
    if hasattr(module, "find_non_dominated") and behind(module) == "moocore":
        yield "moocore", lambda: float(module.find_non_dominated(points).sum())
    elif len(points) <= MOST_PAIRED:
        sorting = module.NonDominatedSorting()
        backing = behind(module, loaded("fast_non_dominated_sort"))
        yield backing, lambda: float(sorting.do(points, only_non_dominated_front=True).sum())


def pymoo_crowding(points, _case):
    module = importlib.import_module("pymoo.operators.survival.rank_and_crowding.metrics")
    yield "Python", lambda: float(module.calc_crowding_distance(points)[0])


def pymoo_hypervolume(points, case):
    module = importlib.import_module("pymoo.indicators.hv")
    indicator = module.HV(ref_point=np.array(case["reference"]))
    if behind(module) == "moocore" or len(points) <= MOST_PAIRED:
        yield behind(module), lambda: float(indicator.do(points))


def pymoo_igd(points, _case):
    module = importlib.import_module("pymoo.indicators.igd_plus")
    indicator, tenth = module.IGDPlus(points), np.ascontiguousarray(points[::10])
    yield behind(module), lambda: float(indicator.do(tenth))


def moocore_work(kind, points, case):
    if kind == "sort":
        return lambda: rank_digest(moocore.pareto_rank(points))
    if kind == "front":
        return lambda: float(np.where(moocore.is_nondominated(points, keep_weakly=True))[0].sum())
    if kind == "hypervolume":
        return lambda: float(moocore.hypervolume(points, ref=case["reference"]))
    if kind == "igd+":
        tenth = np.ascontiguousarray(points[::10])
        return lambda: float(moocore.igd_plus(tenth, ref=points))
    raise ValueError(kind)


PYMOO = {
    "sort": pymoo_sort,
    "front": pymoo_front,
    "crowding": pymoo_crowding,
    "hypervolume": pymoo_hypervolume,
    "igd+": pymoo_igd,
}


@functools.lru_cache(maxsize=1)
def works(line):
    case = json.loads(line)
    sets = np.fromfile(case["file"]).reshape(-1, case["count"], case["objectives"])
    found = []
    if pymoo:
        # No processor learns the branches of interpreted code, so one set is enough.
        for backing, work in PYMOO[case["kind"]](sets[0], case):
            if backing != "moocore" or not moocore:
                found.append(("pymoo " + pymoo.__version__, backing, [work]))
    if moocore and case["kind"] != "crowding":
        found.append(("moocore " + moocore.__version__, "moocore", [moocore_work(case["kind"], points, case) for points in sets]))
    return found


SLOW = {}


def sample(line, milliseconds, library, backing, calls_of_round):
    answer = {"library": library, "backing": backing, "ms": LIMIT_SECONDS * 1000, "result": None}
    key = (line, library, backing)
    if key in SLOW:
        return SLOW[key]
    signal.setitimer(signal.ITIMER_PROF, 0 if backing == "moocore" else LIMIT_SECONDS)
    try:
        used, least, result = 0.0, float("inf"), None
        while used < milliseconds:
            calls, start, spent = 0, time.process_time(), 0.0
            while spent < 1:
                results = [work() for work in calls_of_round]
                result = results[0]
                calls += len(results)
                spent = (time.process_time() - start) * 1000
            used += spent
            least = min(least, spent / calls)
        answer = {**answer, "ms": least, "result": result}
    except TooLong:
        pass
    signal.setitimer(signal.ITIMER_PROF, 0)
    if answer["ms"] > SLOW_MS:
        SLOW[key] = answer
    return answer


def main():
    signal.signal(signal.SIGPROF, alarm)
    libraries = {"numpy": np, "pymoo": pymoo, "moocore": moocore}
    behind_pymoo = {}
    if np and pymoo:
        case, points = {"reference": [2.0, 2.0]}, np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        behind_pymoo = {kind: [backing for backing, _ in kernel(points, case)] for kind, kernel in PYMOO.items()}
    versions = {name: module.__version__ for name, module in libraries.items() if module}
    print(json.dumps({"versions": versions, "behindPymoo": behind_pymoo}), flush=True)
    for line in sys.stdin:
        milliseconds = json.loads(line)["milliseconds"]
        print(json.dumps([sample(line, milliseconds, *work) for work in works(line)]), flush=True)


main()
