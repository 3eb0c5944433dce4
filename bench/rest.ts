/**
 * The whole daemon at rest: it was started on a ledger with every node up and at work, and looks at Slurm and at EC2
 * (which answer that nothing has changed). Its CPU and its memory, over a while.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openLedgerReader } from '../src/adapters/ledger/sqlite.ts';
import { printTable } from './report.ts';
import { openRig, resumeNodes, stop, usageOf, verdictAfter } from './rig.ts';

/** Three looks at EC2. */
const whileSeconds = 95;

/** Resolves when the ledger holds that so many nodes have joined. */
async function registeredIn(stateDir: string, count: number): Promise<void> {
  const reader = openLedgerReader(stateDir);
  if (reader === null) throw new Error('there is no ledger');
  try {
    const joined = new Set<string>();
    for (let sequence = 0; joined.size < count; await sleep(100)) {
      for await (const recorded of reader.read(sequence)) {
        sequence = recorded.sequence;
        for (const decision of recorded.turn.decisions)
          if (decision.kind === 'NodesRegistered')
            for (const node of decision.nodes) joined.add(node);
      }
    }
  } finally {
    reader.close();
  }
}

export async function measureRest(size: number): Promise<void> {
  const rig = await openRig(size);
  try {
    const nodes = `queue1-dy-cr-[1-${size}]`;
    const first = await rig.startDaemon();
    await resumeNodes(rig, nodes);
    await verdictAfter(rig.stateDir, 0);
    await registeredIn(rig.stateDir, size);
    await stop(first);
    const daemon = await rig.startDaemon();
    const pid = daemon.pid ?? 0;
    const started = usageOf(pid);
    const before = await rig.calls();
    await sleep(whileSeconds * 1000);
    const { cpuSeconds, peakMiB, residentMiB } = usageOf(pid);
    const after = await rig.calls();
    const looks =
      ((after['DescribeInstanceStatus'] ?? 0) - (before['DescribeInstanceStatus'] ?? 0)) /
      Math.ceil(size / 1000);
    printTable(
      `The daemon at rest with ${size.toLocaleString('en')} nodes up, ${whileSeconds} s after its start (aim: 200 MB = 191 MiB resident)`,
      ['', ''],
      [
        ['looks at EC2', looks.toFixed(0)],
        ['CPU ms a second', (((cpuSeconds - started.cpuSeconds) * 1000) / whileSeconds).toFixed(1)],
        ['resident MiB', residentMiB.toFixed(0)],
        ['peak MiB', peakMiB.toFixed(0)],
      ],
    );
  } finally {
    await rig.close();
  }
}

if (import.meta.main) await measureRest(10_000);
