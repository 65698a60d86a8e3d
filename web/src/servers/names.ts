// People, groups, servers and credentials by their ids: grants name nothing else.

import type { TFunction } from 'i18next'
import { useMemo } from 'react'
import { listUsers } from '../api/client.ts'
import { allServers, type Grant, type GrantRight, listCredentials, listGroups } from '../api/servers.ts'
import { useLoad } from '../parts/use-load.ts'

export interface Names {
  users: ReadonlyMap<number, string>
  groups: ReadonlyMap<number, string>
  servers: ReadonlyMap<number, string>
  credentials: ReadonlyMap<number, string>
  tags: readonly string[]
  serverGroups: readonly string[]
  reload: () => void
}

const byName = <T extends { id: number; name: string }>(list: readonly T[] | null) =>
  new Map(list?.map((one) => [one.id, one.name]))

export function useNames(): Names {
  const users = useLoad(listUsers)
  const groups = useLoad(listGroups)
  const servers = useLoad(allServers)
  const credentials = useLoad(listCredentials)
  return useMemo(
    () => ({
      users: new Map(users.data?.map((user) => [user.id, user.username])),
      groups: byName(groups.data),
      servers: byName(servers.data),
      credentials: byName(credentials.data),
      tags: [...new Set(servers.data?.flatMap((server) => server.tags))].sort(),
      serverGroups: [
        ...new Set(servers.data?.flatMap(({ group }) => (group === null ? [] : [group]))),
      ].sort(),
      reload: groups.reload,
    }),
    [users.data, groups.data, servers.data, credentials.data, groups.reload],
  )
}

export function grantWords(t: TFunction, grant: Grant, names: Names) {
  const gone = t('access.gone')
  const who =
    grant.user_id !== null
      ? (names.users.get(grant.user_id) ?? gone)
      : t('access.group.named', { name: names.groups.get(grant.group_id ?? 0) ?? gone })
  const how = grant.any_credential
    ? t('access.credential.all')
    : grant.credential_ids.length > 0
      ? t('access.credential.named', {
          name: grant.credential_ids.map((one) => names.credentials.get(one) ?? gone).join(', '),
        })
      : t('access.credential.any')
  return { who, what: whatWords(t, grant, names), how }
}

function whatWords(t: TFunction, grant: Grant, names: Names): string {
  if (grant.everywhere) return t('access.everywhere')
  if (grant.tag !== null) return t('access.tag.named', { tag: grant.tag })
  if (grant.server_group !== null) return t('access.server_group.named', { name: grant.server_group })
  return names.servers.get(grant.server_id ?? 0) ?? t('access.gone')
}

export const RIGHTS = [
  'connect',
  'write',
  'execute',
  'upload',
  'download',
  'forward',
  'observe',
  'manage',
] as const satisfies GrantRight[]

export const rightsWords = (t: TFunction, rights: readonly GrantRight[]) =>
  rights.map((right) => t(`access.right.${right}`)).join(', ')

/** When and from where only; nothing where always and from anywhere. */
export function limitWords(t: TFunction, grant: Pick<Grant, 'times' | 'networks'>): string {
  const hours = grant.times.map(({ days, from, to, zone }) =>
    [(days ?? []).map((day) => t(`access.day.${day}`)).join(' '), `${from}–${to}`, zone]
      .filter(Boolean)
      .join(' '),
  )
  return [...hours, ...grant.networks].join('; ')
}
