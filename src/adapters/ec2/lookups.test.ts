/** What the adapter asks EC2 of the names in the configuration, and makes of the answers. */
import { describe, expect, test } from 'vitest';
import type { CapacityCloud } from '../../ports/cloud.ts';
import { createEc2Cloud } from './cloud.ts';
import { answerXml, useFakeEc2 } from '../../../test/support/fake-ec2.ts';

const ec2 = useFakeEc2();

function cloud(): CapacityCloud {
  return createEc2Cloud({ region: 'us-east-2', launchTimeoutMs: 200 });
}

describe('a look at subnets', () => {
  const subnets = (zone: string, nextToken: string) =>
    `<DescribeSubnetsResponse><subnetSet><item><subnetId>subnet-${zone}</subnetId><availabilityZone>${zone}</availabilityZone>` +
    `</item></subnetSet><nextToken>${nextToken}</nextToken></DescribeSubnetsResponse>`;

  test('asks by filter, word for word, and reads all pages', async () => {
    ec2.respond = (r, parameters) =>
      answerXml(r, 200, parameters.has('NextToken') ? subnets('b', '') : subnets('a', 'page 2'));
    expect(await cloud().describeSubnets(['subnet-a', 'subnet-*'])).toEqual([
      { subnetId: 'subnet-a', availabilityZone: 'a' },
      { subnetId: 'subnet-b', availabilityZone: 'b' },
    ]);
    expect(ec2.calls.map((call) => call.get('NextToken'))).toEqual([null, 'page 2']);
    expect(Object.fromEntries(ec2.calls[0] ?? [])).toEqual({
      Action: 'DescribeSubnets',
      Version: '2016-11-15',
      MaxResults: '1000',
      'Filter.1.Name': 'subnet-id',
      'Filter.1.Value.1': 'subnet-a',
      'Filter.1.Value.2': 'subnet-\\*',
    });
  });

  test('of nothing makes no call', async () => {
    expect(await cloud().describeSubnets([])).toEqual([]);
    expect(ec2.calls).toEqual([]);
  });
});

describe('a look at placement groups', () => {
  const group = (name: string, strategy: string) =>
    `<item><groupName>${name}</groupName><groupArn>arn:aws:ec2:r:1:placement-group/${name}</groupArn>` +
    `<strategy>${strategy}</strategy></item>`;

  test('asks by filter, word for word, for there are none by name where one is unknown', async () => {
    const groups = group('pg-1', 'cluster') + group('pg-2', 'spread');
    ec2.respond = (r) =>
      answerXml(
        r,
        200,
        `<DescribePlacementGroupsResponse><placementGroupSet>${groups}</placementGroupSet></DescribePlacementGroupsResponse>`,
      );
    expect(await cloud().describePlacementGroups(['pg-1', 'pg-2', 'pg-?'])).toEqual([
      { name: 'pg-1', arn: 'arn:aws:ec2:r:1:placement-group/pg-1', strategy: 'cluster' },
      { name: 'pg-2', arn: 'arn:aws:ec2:r:1:placement-group/pg-2', strategy: 'spread' },
    ]);
    expect(Object.fromEntries(ec2.calls[0] ?? [])).toEqual({
      Action: 'DescribePlacementGroups',
      Version: '2016-11-15',
      'Filter.1.Name': 'group-name',
      'Filter.1.Value.1': 'pg-1',
      'Filter.1.Value.2': 'pg-2',
      'Filter.1.Value.3': 'pg-\\?',
    });
  });

  test('of nothing makes no call', async () => {
    expect(await cloud().describePlacementGroups([])).toEqual([]);
    expect(ec2.calls).toEqual([]);
  });
});
