#!/bin/bash
# docs/examples/deid.sbatch as a real Slurm job array (munge, slurmctld and slurmd on loopback): the shards give the bytes of one run.
set -u
for tool in slurmctld slurmd munged sbatch squeue sinfo; do
    command -v $tool > /dev/null || [ -x /usr/sbin/$tool ] || { echo "skipped: no $tool"; exit 77; }
done
[ "$(id -u)" = 0 ] || { echo "skipped: slurmd wants to be root"; exit 77; }
PATH=$PATH:/usr/sbin
work=$(mktemp -d)
chmod 755 "$work"
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null; done
    sleep 0.5
    for pid in "${pids[@]}"; do kill -9 "$pid" 2> /dev/null; wait "$pid" 2> /dev/null; done
    rm -rf "$work"
}
trap finish EXIT
port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

mkdir -m 755 "$work/munge"
head -c 1024 /dev/urandom > "$work/munge/key"
chmod 600 "$work/munge/key"
munged --foreground --force --socket="$work/munge/socket" --key-file="$work/munge/key" --pid-file="$work/munge/pid" --log-file="$work/munge/log" \
    --seed-file="$work/munge/seed" > /dev/null 2>&1 &
pids+=($!)
for _ in $(seq 50); do [ -S "$work/munge/socket" ] && break; sleep 0.1; done
[ -S "$work/munge/socket" ] || { echo "skipped: munged does not start here"; exit 77; }

host=localhost
mkdir "$work/state" "$work/spool"
cat > "$work/slurm.conf" <<EOF
ClusterName=lethe
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(port)
SlurmdPort=$(port)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
CredType=cred/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=1,batch_sched_delay=0
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=2048 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
EOF
export SLURM_CONF=$work/slurm.conf
slurmctld -D -i > "$work/ctl.out" 2>&1 &
pids+=($!)
slurmd -D -N localhost > "$work/d.out" 2>&1 &
pids+=($!)
for _ in $(seq 150); do sinfo -h -o %T 2> /dev/null | grep -q idle && break; sleep 0.2; done
sinfo -h -o %T 2> /dev/null | grep -q idle || { echo "skipped: no Slurm node comes up here"; tail -2 "$work/slurmd.log" "$work/slurmctld.log" 2> /dev/null; exit 77; }

"$LETHE_BIN/lethe-testdata" ct -o "$work/in" --count 60 --columns 64 --seed 9 > /dev/null || exit 1
head -c 32 /dev/urandom > "$work/key"
chmod 600 "$work/key"
"$LETHE_BIN/lethe" deid "$work/in" -o "$work/one" --key "$work/key" --quiet || { echo "FAILED: the single run"; exit 1; }
mkdir -m 700 "$work/manifests"
export LETHE=$LETHE_BIN/lethe IN=$work/in OUT=$work/out KEY=$work/key MANIFESTS=$work/manifests
job=$(sbatch --parsable --array=1-4 --mem=200M --export=ALL --output="$work/task-%a.log" "$LETHE_SOURCE/docs/examples/deid.sbatch") || { echo "FAILED: sbatch"; exit 1; }
for _ in $(seq 300); do [ -z "$(squeue -h -j "$job" 2> /dev/null)" ] && break; sleep 0.2; done
[ -z "$(squeue -h -j "$job" 2> /dev/null)" ] || { echo "FAILED: the array does not end"; squeue; exit 1; }
bad=0
diff -r "$work/one" "$work/out" > "$work/diff" || { echo "FAILED: the array's bytes differ from one run's"; head -3 "$work/diff"; cat "$work"/task-*.log | head -5; bad=1; }
[ "$(cat "$work"/manifests/shard-*.jsonl | wc -l)" = 60 ] || { echo "FAILED: not every input stands in a manifest"; bad=1; }
"$LETHE_BIN/lethe" deid verify "$work/out" --manifest "$work/manifests" > "$work/verify" || { echo "FAILED: verify over the manifests of all shards"; head -3 "$work/verify"; bad=1; }
[ "$(ls "$work"/manifests | wc -l)" = 4 ] || { echo "FAILED: a shard is missing"; bad=1; }
exit $bad
