#!/usr/bin/env bash
# Makes the environments in which `peers.py` runs the other simulators: FOLDER/NAME/bin/python for each.
#
#     benchmarks/install_peers.sh FOLDER                      # all of them; what is there already is left alone
#     benchmarks/install_peers.sh FOLDER memtorch crosssim    # some of them
#
# pytorch      plain PyTorch, CPU build
# aihwkit      aihwkit 1.2.0, compiled here: needs cmake, a C++ compiler and libopenblas-dev; about ten minutes of one CPU
# memtorch     MemTorch 1.1.6 (CPU): needs Python 3.8
# crosssim     CrossSim 3.2.0, which is on no package registry: CROSSSIM_SOURCE is a git address or directory that has its
#              tag v3.2.0, by default its public repository
# badcrossbar  badcrossbar 1.1.0, whose pycairo is compiled: needs a C compiler and libcairo2-dev
#
# PYTHON (python3.11) and PYTHON38 (python3.8) name the interpreters. The CPU build of PyTorch must be where pip looks
# (PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS); elsewhere the build with CUDA is taken, several GB of it.
set -uo pipefail

ALL=(pytorch aihwkit memtorch crosssim badcrossbar)
PYTHON=${PYTHON:-python3.11}
PYTHON38=${PYTHON38:-python3.8}
CROSSSIM_SOURCE=${CROSSSIM_SOURCE:-https://github.com/sandialabs/cross-sim}
TORCH=2.13.0

if [ $# -eq 0 ]; then
    echo "usage: $0 FOLDER [${ALL[*]}]" >&2
    exit 2
fi
repository=$(cd "$(dirname "$0")/.." && pwd -P)
folder=$(realpath -m "$1")
shift
case "$folder/" in
    "$repository"/*) echo "$folder lies inside the repository: name a folder outside $repository" >&2; exit 2 ;;
esac
[ $# -gt 0 ] || set -- "${ALL[@]}"
mkdir -p "$folder"

environment() { # NAME INTERPRETER: makes it, with pip
    local interpreter
    interpreter=$(command -v "$2") || { echo "no $2: set PYTHON or PYTHON38"; return 1; }
    "$interpreter" -m venv --clear "$folder/$1" && "$folder/$1/bin/python" -m pip install -q --upgrade pip
}

in_env() { # NAME ARGUMENT ...: pip install in it
    local name=$1
    shift
    "$folder/$name/bin/python" -m pip install -q "$@"
}

works() { # NAME MODULE: whether it can be imported
    "$folder/$1/bin/python" -c "import $2"
}

cpu_torch() { # NAME
    in_env "$1" "torch==$TORCH+cpu" numpy || in_env "$1" "torch==$TORCH" numpy
}

install_pytorch() {
    environment pytorch "$PYTHON" && cpu_torch pytorch && works pytorch torch
}

install_aihwkit() {
    environment aihwkit "$PYTHON" && cpu_torch aihwkit &&
        in_env aihwkit torchvision --no-deps &&
        in_env aihwkit 'setuptools<81' wheel 'scikit-build>=0.11.1' 'pybind11>=2.6.2' ninja requests scipy protobuf tqdm \
            lmfit matplotlib pillow mypy &&
        PATH=$folder/aihwkit/bin:$PATH in_env aihwkit --no-build-isolation --no-deps aihwkit==1.2.0 && # calls stubgen
        works aihwkit aihwkit.nn
}

install_memtorch() {
    environment memtorch "$PYTHON38" &&
        in_env memtorch torch==1.10.2 torchvision==0.11.3 'numpy<1.24' 'pandas<2.1' 'scipy<1.11' 'matplotlib<3.8' \
            seaborn ipython lmfit scikit-learn &&
        in_env memtorch --no-deps memtorch-cpu==1.1.6 && works memtorch memtorch
}

install_crosssim() {
    environment crosssim "$PYTHON" && cpu_torch crosssim || return
    local source git
    source=$(mktemp -d)
    git=$CROSSSIM_SOURCE
    [ -d "$git" ] || { git=$source/git && git clone -q --bare --branch v3.2.0 --depth 1 "$CROSSSIM_SOURCE" "$git"; } &&
        git -C "$git" archive v3.2.0 simulator pyproject.toml | tar -x -C "$source" &&
        in_env crosssim "$source" && works crosssim simulator
    local status=$?
    rm -rf "$source"
    return $status
}

install_badcrossbar() {
    environment badcrossbar "$PYTHON" && in_env badcrossbar badcrossbar==1.1.0 && works badcrossbar badcrossbar
}

failed=()
for name; do
    if [ -e "$folder/$name/installed" ]; then
        echo "$name: is there"
    elif ! declare -F "install_$name" >/dev/null; then
        echo "$name: no such peer, only ${ALL[*]}"
        failed+=("$name")
    elif "install_$name" >"$folder/$name.log" 2>&1 && touch "$folder/$name/installed"; then
        echo "$name: installed in $folder/$name"
    else
        echo "$name: FAILED, see $folder/$name.log: $(tail -n 1 "$folder/$name.log" 2>/dev/null)"
        failed+=("$name")
    fi
done
[ ${#failed[@]} -eq 0 ] || { echo "not installed: ${failed[*]}"; exit 1; }
