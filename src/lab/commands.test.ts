/** `muster lab run` before it runs anything. */
import { expect, test } from 'vitest';
import { labRun } from './commands.ts';
import { scenarios } from './scenarios/index.ts';

async function run(name: string | undefined, json: boolean) {
  const said = { stdout: '', stderr: '' };
  const code = await labRun(name, {
    labDir: '/var/tmp/never-made',
    json,
    stdout: (text) => {
      said.stdout += text;
    },
    stderr: (text) => {
      said.stderr += text;
    },
    env: {},
    uid: 0,
    isTty: false,
    musterProgram: '/nowhere',
    calledAs: 'muster',
    hooksDir: '/nowhere',
    nodeProgram: '/nowhere',
    openModel: () => expect.unreachable('nothing is run'),
  });
  return { code, ...said };
}

test('without a name it lists the scenarios, as JSON where that is asked for', async () => {
  expect((await run(undefined, false)).stdout).toMatch(/^ {2}blog-2022 +A 200-node job/);
  const { code, stdout } = await run(undefined, true);
  expect(code).toBe(0);
  const { scenarios: listed } = JSON.parse(stdout) as { scenarios: { name: string }[] };
  expect(listed.map(({ name }) => name)).toEqual(scenarios.map(({ name }) => name));
  expect(listed).toContainEqual(
    expect.objectContaining({ name: 'lost-head', needsRealSlurm: true }),
  );
});

test('a name that there is not is bad usage, and nothing is on standard output', async () => {
  const { code, stdout, stderr } = await run('wiki-2021', true);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain('There is no scenario "wiki-2021"');
});
