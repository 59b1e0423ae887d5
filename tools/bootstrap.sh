# What quickstart and test share: a Python, the system packages, and the environment in .venv.
# Sourced by them, from bash, with set -euo pipefail; not a program of its own.
#
# Nothing is made before everything that is needed from the system is there.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv="$root/.venv"
log=""
advice=""

# Some environments export these; we want bytecode, and our own modules only.
unset PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME

# fail STATUS TEXT: one sentence, where the log is, and out.
fail() {
    printf '\n%s: %s\n' "$(basename "$0")" "$2" >&2
    if [[ -n $log && -s $log ]]; then
        printf 'The end of the log, %s:\n' "$log" >&2
        tail -n 15 "$log" | sed 's/^/    /' >&2
    fi
    if [[ -n $advice ]]; then printf '%s\n' "$advice" >&2; fi
    exit "$1"
}

open_log() {
    log=$(mktemp "${TMPDIR:-/tmp}/toolforge-$(basename "$0").XXXXXX")
}

# step TEXT COMMAND...: run the command into the log, and say how long it took.
step() {
    local text=$1 begin=$EPOCHREALTIME
    shift
    if [[ -t 1 ]]; then printf '  ....... %s' "$text"; fi
    printf '\n== %s\n' "$text" >>"$log"
    "$@" >>"$log" 2>&1 </dev/null || { [[ -t 1 ]] && echo; fail 1 "this step did not work: $text"; }
    if [[ -t 1 ]]; then printf '\r'; fi
    printf '  %5.1f s %s\n' "$(seconds_since "$begin")" "$text"
}

seconds_since() {
    local micro=$((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}))
    printf '%d.%d' $((micro / 1000000)) $((micro % 1000000 / 100000))
}

# --- what must be there ---------------------------------------------------------------------------

# Print the interpreter behind a command, if it is new enough. A `python3` may be a slow wrapper script.
real_python() {
    "$1" -I -c '
import sys
if sys.version_info < (3, 11):
    sys.exit(1)
print(sys.executable)' 2>/dev/null
}

has_venv() {
    "$1" -I -c 'import ensurepip, venv' 2>/dev/null
}

# Set `python` to an interpreter that can make environments, or to nothing, and `missing` to Debian's
# names of what is not installed.
look_around() {
    python="" missing=()
    local candidate found without_venv=""
    for candidate in /usr/bin/python3 python3.13 python3.12 python3.11 python3; do
        found=$(real_python "$candidate") || continue
        if has_venv "$found"; then
            python=$found
            break
        fi
        without_venv=${without_venv:-$found}
    done
    if [[ -z $python ]]; then
        [[ -n $without_venv ]] || missing+=(python3)
        missing+=(python3-venv)
    fi
    command -v bwrap >/dev/null || missing+=(bubblewrap)
    command -v git >/dev/null || missing+=(git)
}

need_system_packages() {
    look_around
    ((${#missing[@]})) || return 0
    local line="apt-get install -y --no-install-recommends ${missing[*]}" as_root=()
    if ((EUID != 0)); then
        if ! timeout 3 sudo -n true 2>/dev/null; then
            printf 'Something is missing. Type this, then call me again:\n\n    sudo %s\n' "$line" >&2
            exit 3
        fi
        as_root=(sudo -n)
    fi
    if ! command -v apt-get >/dev/null; then
        printf 'Something is missing, and there is no apt-get here: %s\n' "${missing[*]}" >&2
        exit 3
    fi
    step "install ${missing[*]}" install_system_packages "${as_root[@]}"
    look_around
    ((${#missing[@]} == 0)) || fail 3 "still missing after the installation: ${missing[*]}"
}

# Steps chain their commands, because `set -e` does not hold inside of what is tested for failure.
install_system_packages() {
    "$@" apt-get update -q &&
        "$@" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
}

# --- the environment ------------------------------------------------------------------------------

# The environment is good as long as none of this changes. Our own packages are editable: a change in
# their code needs nothing here.
fingerprint() {
    {
        echo "$root $python"
        "$python" -V
        cat "$root"/ci/constraints.txt "$root"/ci/requirements/*.txt "$root"/packages/*/pyproject.toml
    } | sha256sum
}

is_ready() {
    [[ -f $venv/ready-$1 && $(<"$venv/ready-$1") == "$(fingerprint)" ]]
}

# make_environment run|dev: what the platform needs, or that and every tool. Sets `environment_changed`.
make_environment() {
    environment_changed=no
    if is_ready "$1"; then return 0; fi
    if [[ ! -w $root || (-e $venv && ! -w $venv) ]]; then
        fail 1 "you may not write to $root; clone the repository into a folder of your own"
    fi
    environment_changed=yes
    mkdir -p "$root/.cache"
    exec 9>"$root/.cache/environment.lock"
    flock 9
    if ! is_ready "$1"; then
        local made_by
        made_by="$root $python $("$python" -V)"
        rm -f "$venv"/ready-*
        if [[ ! -x $venv/bin/pip || $(cat "$venv/made-by" 2>/dev/null) != "$made_by" ]]; then
            rm -rf "$venv"
            step "make .venv with $("$python" -V)" "$python" -m venv "$venv"
            printf '%s\n' "$made_by" >"$venv/made-by"
        fi
        step "install what is locked" install_locked "$1"
        step "compile to bytecode" compile_bytecode
        [[ $1 != dev ]] || fingerprint >"$venv/ready-dev"
        fingerprint >"$venv/ready-run"
    fi
    exec 9>&-
}

# Our packages are built in the environment itself, which spares one more environment for each.
install_locked() {
    local wanted=() package
    for package in "$root"/packages/*/; do
        wanted+=(--editable "$package")
    done
    [[ $1 != dev ]] || wanted+=(--requirement "$root/ci/requirements/dev.txt")
    locked_pip install --requirement "$root/ci/requirements/build.txt" &&
        locked_pip install --no-build-isolation "${wanted[@]}"
}

locked_pip() {
    PIP_CONSTRAINT="$root/ci/constraints.txt" PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 \
        PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 "$venv/bin/pip" "$@" --no-compile
}

# In parallel, unlike pip. Commands start a third faster with bytecode, and not everyone may write it later.
compile_bytecode() {
    "$venv/bin/python" -m compileall -q -j 0 "$venv"/lib/python3*/site-packages "$root"/packages/*/src
}
