// People, groups, servers and credentials by their ids: grants name nothing else.

import type { TFunction } from 'i18next'
import { useMemo } from 'react'
import { listUsers } from '../api/client.ts'
import { allServers, type Grant, listCredentials, listGroups } from '../api/servers.ts'
import { useLoad } from '../parts/use-load.ts'

export interface Names {
  users: ReadonlyMap<number, string>
  groups: ReadonlyMap<number, string>
  servers: ReadonlyMap<number, string>
  credentials: ReadonlyMap<number, string>
  tags: readonly string[]
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
  const what =
    grant.tag !== null
      ? t('access.tag.named', { tag: grant.tag })
      : (names.servers.get(grant.server_id ?? 0) ?? gone)
  const how =
    grant.credential_id === null
      ? t('access.credential.any')
      : t('access.credential.named', { name: names.credentials.get(grant.credential_id) ?? gone })
  return { who, what, how }
}
