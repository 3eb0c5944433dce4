/**
 * Records the stories on the Slurm installed here: `node test/recordings/record.ts [parts of stories' names]`.
 * Needs root; each story takes up to two minutes. Not part of the tests, which only read what this wrote (`npm run format`
 * gives it its final shape).
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { startRealSlurm } from './real-slurm.ts';
import { stories } from './stories.ts';
import { playStory } from './story.ts';
import type { Recording } from './story.ts';

const wanted = process.argv.slice(2);
const basePort = Number(process.env['STORY_PORT'] ?? 36_800);

for (const story of stories) {
  if (wanted.length > 0 && !wanted.some((part) => story.name.includes(part))) continue;
  const slurm = await startRealSlurm(story.settings, basePort);
  try {
    const transcript = await playStory(slurm, story);
    const { version: slurmVersion, slurmctldAge } = slurm;
    const recording: Recording = { slurmVersion, slurmctldAge, story, transcript };
    const file = `${story.name.toLowerCase().replaceAll(/[^a-zA-Z]+/g, '-')}.json`;
    fs.writeFileSync(
      path.join(import.meta.dirname, file),
      `${JSON.stringify(recording, null, 1)}\n`,
    );
    process.stdout.write(`${file}: ${slurm.now().toFixed(0)} s\n`);
  } catch (error: unknown) {
    process.stdout.write(`${story.name}: ${String(error)}\n`);
    process.exitCode = 1;
  } finally {
    await slurm.stop();
  }
}
