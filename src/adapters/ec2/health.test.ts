/** What the adapter makes of status listings that the contract's honest simulator does not send. */
import type { InstanceStatusSummary } from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { instanceStatusFrom } from './requests.ts';

describe('an instance of the status listing', () => {
  const from = new Date('2026-01-01T00:00:00Z');

  test('that EC2 says nothing more about is pending and well', () => {
    expect(instanceStatusFrom({ InstanceId: 'i-1' })).toEqual({
      instanceId: 'i-1',
      state: 'pending',
      impairedSince: null,
      event: null,
    });
  });

  test('is impaired since 0 where EC2 does not tell since when', () => {
    expect(instanceStatusFrom({ InstanceStatus: { Status: 'impaired' } }).impairedSince).toBe(0);
    const silent: InstanceStatusSummary = {
      Status: 'impaired',
      Details: [{ Name: 'reachability' }],
    };
    expect(instanceStatusFrom({ SystemStatus: silent }).impairedSince).toBe(0);
  });

  test('is not impaired while EC2 has too little to say so', () => {
    const unsure: InstanceStatusSummary = {
      Status: 'insufficient-data',
      Details: [{ Name: 'reachability', ImpairedSince: from }],
    };
    expect(instanceStatusFrom({ InstanceStatus: unsure }).impairedSince).toBeNull();
  });

  test('has no event that was canceled or completed, and first what has no time', () => {
    const { event } = instanceStatusFrom({
      Events: [
        { Code: 'system-reboot', Description: '[Canceled] rebooted', NotBefore: new Date(0) },
        { Code: 'instance-stop', Description: 'soon', NotBefore: from },
        { Code: 'instance-retirement' },
      ],
    });
    expect(event).toEqual({ code: 'instance-retirement', description: '', notBefore: null });
    expect(instanceStatusFrom({ Events: [{ Description: '[Completed] x' }] }).event).toBeNull();
  });
});
