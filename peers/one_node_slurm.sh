#!/usr/bin/env bash
# Runs a recipe as a chain of Slurm jobs on this machine, has one of them preempted, and compares every file with an
# undisturbed run.
#
#   peers/one_node_slurm.sh [RECIPE] [FOLDER] [options of launch, such as --processes 2]
#
# Needs Slurm's and Munge's programs (Debian: apt-get install slurm-wlm munge; with several processes also libpmix-dev and
# openmpi-bin) and root. Daemons, sockets, logs and keys are in FOLDER (default: a temporary one); nothing is written elsewhere.
# Of two partitions the one called 'urgent' takes the node from the other, as Slurm does it: SIGTERM first, SIGKILL after a
# grace time.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
recipe="$(realpath "${1:-$root/configs/recipes/rehearsal.yaml}")"
folder="$(realpath -m "${2:-$(mktemp -d)}")"
shift $(($# < 2 ? $# : 2))
processes="$(sed -n 's/.*--processes[ =]\([0-9]*\).*/\1/p' <<<"$*")"
cpus=$(($(nproc) / ${processes:-1}))
sets=()
# Only then are the bits of several ranks those of one.
[ "${processes:-1}" = 1 ] || sets=(--set ranks.reductionOrder=fixed)
export SLURM_CONF="$folder/slurm.conf" SLURM_TIME_FORMAT="%H:%M:%S"

say() { echo "$(date +%H:%M:%S) $*"; }

# Waits up to $1 seconds for a command to succeed.
await() {
  local seconds="$1"
  shift
  for ((i = 0; i < seconds * 5; i++)); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.2
  done
  echo "waited $seconds s in vain for: $*" >&2
  return 1
}

# ---- A cluster of one node

for program in munged slurmctld slurmd sbatch srun; do
  command -v "$program" >/dev/null || { echo "$program is missing: apt-get install slurm-wlm munge" >&2; exit 2; }
done
mkdir -p "$folder"/{log,run,state,spool,tmp}
chmod 755 "$folder"
(umask 077 && head -c 1024 /dev/urandom >"$folder/munge.key")
cat >"$SLURM_CONF" <<CONF
ClusterName=one
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/run/munge.sock
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
SlurmctldPort=16917
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmctldLogFile=$folder/log/slurmctld.log
StateSaveLocation=$folder/state
SlurmdPidFile=$folder/run/slurmd.pid
SlurmdLogFile=$folder/log/slurmd.log
SlurmdSpoolDir=$folder/spool
TmpFS=$folder/tmp
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,requeue_delay=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=10
MinJobAge=86400
NodeName=node1 NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=16918 CPUs=$(nproc) RealMemory=2000
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=120
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
CONF

down() {
  scancel --user root 2>/dev/null || true
  sleep 1
  for file in "$folder"/run/{slurmd,slurmctld,munged}.pid; do
    if [ -s "$file" ]; then kill "$(cat "$file")" 2>/dev/null || true; fi
  done
}
trap down EXIT

munged --key-file="$folder/munge.key" --socket="$folder/run/munge.sock" --pid-file="$folder/run/munged.pid" \
  --log-file="$folder/log/munged.log" --seed-file="$folder/run/munged.seed" --num-threads=2
slurmctld -c -f "$SLURM_CONF"
slurmd -N node1 -f "$SLURM_CONF"
idle() { [ "$(sinfo -h -p main -o %T)" = idle ]; }
await 30 idle || { tail "$folder"/log/*.log; exit 1; }
say "Slurm $(sinfo --version | cut -d' ' -f2) is up, its node is idle"

# ---- The chain

run="$folder/run-by-slurm"
submitted="$("$root/palimpsest" launch "$recipe" --to slurm --out "$run" --signal-seconds 60 \
  --cpus $((cpus > 0 ? cpus : 1)) "$@" ${sets[@]+"${sets[@]}"})"
echo "$submitted"
mapfile -t jobs < <(sed -n 's/^job \([0-9]*\):.*/\1/p' <<<"$submitted")
last="${jobs[-1]}"
state() { scontrol show job "$1" | sed -n 's/.*JobState=\([A-Z_]*\).*/\1/p' | head -n 1; }
restarts() { scontrol show job "$1" | sed -n 's/.*Restarts=\([0-9]*\).*/\1/p' | head -n 1; }

# A job that trains: it has logged steps, and is not finished.
training() {
  local file
  for file in "$run"/*/metrics.jsonl; do
    if [ -s "$file" ] && [ ! -e "$(dirname "$file")/stage.json" ]; then
      stage="$(basename "$(dirname "$file")")"
      return 0
    fi
  done
  return 1
}

# ---- Preempted once

await 900 training
victim="$(squeue -h -t RUNNING -p main -o %A | head -n 1)"
say "job $victim trains $stage; an urgent job takes the node"
urgent="$(sbatch --parsable --partition=urgent --cpus-per-task="$(nproc)" --output=/dev/null --wrap 'sleep 3')"
preempted() { [ "$(restarts "$victim")" = 1 ]; }
await 180 preempted
say "job $victim was stopped and is back in the queue; its last words:"
grep -h -e 'stopped' -e 'queue' "$run"/launch/*-"$victim".log | tail -n 4 | sed 's/^/  /'
urgent_done() { [ "$(state "$urgent")" = COMPLETED ]; }
await 120 urgent_done
scontrol update jobid="$victim" StartTime=now || true # Slurm lets requeued jobs wait for two minutes

# ---- To the end

ended() {
  case "$(state "$last")" in COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL) return 0 ;; esac
  return 1
}
await 1800 ended
for job in "${jobs[@]}"; do
  say "job $job: $(state "$job"), exit code $(scontrol show job "$job" | sed -n 's/.*ExitCode=\([0-9:]*\).*/\1/p'), restarts $(restarts "$job")"
done
[ "$(state "$last")" = COMPLETED ] || { tail -n 20 "$run"/launch/*.log; exit 1; }
grep -h -A 9 goodput "$run"/launch/*-"$last".log | tail -n 9

# ---- Beside an undisturbed run

"$root/palimpsest" run "$recipe" --out "$folder/run-undisturbed" ${sets[@]+"${sets[@]}"} >"$folder/undisturbed.log" 2>&1
differing=0
while IFS= read -r file; do
  if ! cmp -s "$run/$file" "$folder/run-undisturbed/$file"; then
    echo "differs: $file"
    differing=$((differing + 1))
  fi
done < <(cd "$folder/run-undisturbed" && find . -name '*.safetensors' -o -name '*.npz' -o -name 'examples.jsonl' | sort)
say "files of tensors and example logs that differ from an undisturbed run: $differing"
exit $((differing > 0))
