import { describe, expect, test } from 'vitest';
import { renderCgroupConf, renderSlurmConf, resetsAddresses } from './slurm-conf.ts';
import type { SlurmConfOptions } from './slurm-conf.ts';

const options: SlurmConfOptions = {
  version: '22.05.8',
  clusterName: 'muster-lab',
  host: 'box',
  slurmUser: 'slurm',
  slurmdUser: 'root',
  controllerPort: 12_000,
  mungeSocket: '/var/tmp/lab/munge/socket',
  slurmDir: '/var/tmp/lab/slurm',
  nodesDir: '/var/tmp/lab/n',
  scriptsDir: '/var/tmp/lab/bin',
  suspendTimeSeconds: 10,
  resumeRate: 0,
  resumeTimeoutSeconds: 120,
  slurmPart: [
    'SuspendTime=600',
    'ResumeProgram=/elsewhere/resume',
    'NodeName=q-dy-c-[1-200] CPUs=4 State=CLOUD Port=[12001-12200]',
    'NodeSet=q_nodes Nodes=q-dy-c-[1-200]',
    'PartitionName=q Nodes=q_nodes MaxTime=INFINITE State=UP Default=YES',
  ].join('\n'),
};
const conf = renderSlurmConf(options);

function valuesOf(key: string, text = conf): readonly string[] {
  return text
    .split('\n')
    .flatMap((line) => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []));
}

test('every setting stands there once: Slurm warns of a second one at each command', () => {
  const keys = conf
    .split('\n')
    .filter((line) => /^[A-Za-z]+=/.test(line))
    .map((line) => line.slice(0, line.indexOf('=')));
  expect(keys.toSorted()).toEqual([...new Set(keys)].toSorted());
});

test("nodes and partitions are muster's own; its power saving is the lab's", () => {
  expect(valuesOf('NodeSet')).toEqual(['q_nodes Nodes=q-dy-c-[1-200]']);
  expect(valuesOf('PartitionName')).toHaveLength(1);
  expect(valuesOf('SuspendTime')).toEqual(['10']);
  expect(valuesOf('ResumeProgram')).toEqual(['/var/tmp/lab/bin/resume']);
});

test('nodes have an address that resolves before they are ever up', () => {
  expect(valuesOf('NodeName')).toEqual([
    'q-dy-c-[1-200] CPUs=4 State=CLOUD Port=[12001-12200] NodeAddr=127.0.0.1',
  ]);
});

test("it has munge's own socket, a port of its own, and a spool folder for each node", () => {
  expect(valuesOf('AuthInfo')).toEqual(['socket=/var/tmp/lab/munge/socket,cred_expire=15']);
  expect(valuesOf('SlurmctldPort')).toEqual(['12000']);
  expect(valuesOf('SlurmdSpoolDir')).toEqual(['/var/tmp/lab/n/%n']);
});

describe('by version', () => {
  const table = {
    '22.05.8': { communication: ['NoAddrCache'], cgroup: null, resets: false },
    '23.02.7': { communication: ['NoAddrCache'], cgroup: null, resets: false },
    '23.11.0': { communication: [], cgroup: 'CgroupPlugin=disabled\n', resets: true },
    '24.05.1': { communication: [], cgroup: 'CgroupPlugin=disabled\n', resets: true },
    '24.11.5': { communication: [], cgroup: 'CgroupPlugin=disabled\n', resets: true },
  };
  test.each(Object.entries(table))(
    '%s: no word that it would warn of, and what it needs beside slurm.conf',
    (version, want) => {
      const text = renderSlurmConf({ ...options, version });
      expect(valuesOf('CommunicationParameters', text)).toEqual(want.communication);
      expect(renderCgroupConf(version)).toBe(want.cgroup);
      expect(resetsAddresses(version)).toBe(want.resets);
    },
  );
});
