import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startDetached } from './daemons.ts';
import { claimLabDir, labPaths, removeLab } from './lab-dir.ts';
import type { LabPaths } from './lab-dir.ts';
import { LAB_ID_VARIABLE, processesOfLab } from './processes.ts';
import { findProgram, findProgramIn, run } from './programs.ts';
import { holdScript } from './scripts.ts';
import { SLURM_PROGRAMS, programsBy } from './slurm-programs.ts';
import { checkSlurmRoot, enterSlurmRoot, hostsFile, programsIn } from './slurm-root.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slurm-root-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A system with Slurm's programs as Debian has them: daemons behind links that lead out of it. */
function fakeSystem(): string {
  mkdirSync(join(folder, 'usr/bin'), { recursive: true });
  mkdirSync(join(folder, 'usr/sbin'));
  for (const name of SLURM_PROGRAMS) {
    const place = ['slurmctld', 'slurmd', 'munged'].includes(name) ? 'usr/sbin' : 'usr/bin';
    writeFileSync(join(folder, place, name), '', { mode: 0o755 });
  }
  return folder;
}

describe('a folder', () => {
  test('with a whole Slurm is taken', () => {
    expect(() => checkSlurmRoot(fakeSystem(), 0)).not.toThrow();
    expect(programsIn(folder)).toMatchObject({
      slurmctld: '/usr/sbin/slurmctld',
      sinfo: '/usr/bin/sinfo',
    });
  });

  const refused: Record<string, { spoil(): string; uid: number; says: string }> = {
    "that is not root's to mount": {
      spoil: () => folder,
      uid: 1000,
      says: 'needs root, to mount',
    },
    'with a name that mount would split': {
      spoil: () => '/srv/a,b',
      uid: 0,
      says: 'must be an absolute path of letters',
    },
    'with a relative name': { spoil: () => 'slurm', uid: 0, says: 'must be an absolute path' },
    'that is not there': {
      spoil: () => join(folder, 'none'),
      uid: 0,
      says: 'there is no folder',
    },
    'that is a file': {
      spoil: () => join(folder, 'usr/bin/sinfo'),
      uid: 0,
      says: 'there is no folder',
    },
    'that lacks programs': {
      spoil() {
        rmSync(join(folder, 'usr/sbin/munged'));
        chmodSync(join(folder, 'usr/bin/sinfo'), 0o644);
        return folder;
      },
      uid: 0,
      says: 'has no munged, sinfo. Install them in it: chroot',
    },
  };
  for (const [name, { spoil, uid, says }] of Object.entries(refused)) {
    test(`${name} is refused, with what would be right`, () => {
      fakeSystem();
      const dir = spoil();
      expect(() => checkSlurmRoot(dir, uid)).toThrow(says);
      expect(() => checkSlurmRoot(dir, uid)).toThrow('Nothing was started or changed');
    });
  }

  test('is searched for programs without leaving it', () => {
    fakeSystem();
    expect(findProgram('sh', undefined)).not.toBeNull();
    expect(findProgramIn(folder, 'sh')).toBeNull();
  });
});

test("every node's name resolves to this machine, beside the names that it knows", () => {
  expect(hostsFile('127.0.1.1 box\n', ['q-dy-c-1', 'q-dy-c-2'])).toBe(
    '127.0.1.1 box\n127.0.0.1 q-dy-c-1\n127.0.0.1 q-dy-c-2\n',
  );
});

test('the lab has its own path inside, and the folder is a lower layer: it is only read', () => {
  const lines = holdScript(labPaths('/var/tmp/lab'), '/srv/trixie').split('\n');
  const inside = ['/var/tmp/lab', 'root', 'top', 'var', 'tmp', 'lab'].join('/');
  expect(lines).toContain(`mount --bind /var/tmp/lab ${inside}`);
  expect(lines.join('\n')).toMatch(/^mount -t overlay -o lowerdir=\/srv\/trixie,/m);
  expect(lines.join('\n')).not.toMatch(/(mkdir|cp|bind) .*\/srv\/trixie/);
});

describe('the namespace', () => {
  let paths: LabPaths;
  let labId: string;

  afterEach(async () => {
    await removeLab(paths);
  });

  /** Enters with `cat` in place of each of Slurm's programs. */
  async function enter(): Promise<string> {
    paths = labPaths(join(folder, 'lab'));
    ({ labId } = await claimLabDir(paths));
    for (const made of [paths.scripts, paths.output]) mkdirSync(made);
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', [LAB_ID_VARIABLE]: labId };
    const programs = await enterSlurmRoot({
      paths,
      dir: '/',
      inside: programsBy(() => findProgram('cat', undefined) ?? 'cat'),
      nodeNames: ['q-dy-c-1'],
      startProcess: (role, program, args) => startDetached(paths, role, program, args, env),
    });
    return programs.sinfo;
  }

  const mounts = (): string => readFileSync('/proc/self/mounts', 'utf8');

  test(
    process.getuid?.() === 0
      ? 'has its own hosts file; nobody outside sees it, and it ends with the lab'
      : 'cannot be made without root, and what stands in the way is said',
    async () => {
      const before = mounts();
      if (process.getuid?.() === 0) {
        const program = await enter();
        const env = { PATH: '/usr/bin:/bin' };
        expect(await run(program, ['/etc/hosts'], { env })).toContain('127.0.0.1 q-dy-c-1\n');
        expect(await run(program, ['/proc/self/mounts'], { env })).not.toBe(before);
        expect(readFileSync('/etc/hosts', 'utf8')).not.toContain('q-dy-c-1');
        expect(mounts()).toBe(before);
        expect(processesOfLab(labId, paths.root)).toHaveLength(1);
        await removeLab(paths);
        expect(processesOfLab(labId, paths.root)).toEqual([]);
      } else {
        await expect(enter()).rejects.toThrow(
          /ended while it was starting.*[Oo]peration not permitted/s,
        );
      }
      expect(mounts()).toBe(before);
    },
  );
});
