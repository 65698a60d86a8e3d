// Rights that are asked for, and who can reach what.

import { all, id, json } from './client.ts'
import type { components } from './schema.d.ts'
import type { GrantRight } from './servers.ts'

type Schemas = components['schemas']

export type AccessRequest = Omit<Schemas['AccessRequest'], 'rights'> & { rights: GrantRight[] }
export type RequestState = 'open' | 'approved' | 'refused' | 'expired' | 'cancelled'

const REQUESTS = '/api/v1/access-requests'
export const listRequests = () => all<'requests', AccessRequest>(REQUESTS, 'requests')
export const askForAccess = (request: Schemas['AccessRequestCreate']) =>
  json<AccessRequest>('POST', REQUESTS, request)
export const approveRequest = (request: number, approval: Schemas['AccessRequestApproval']) =>
  json<AccessRequest>('POST', `${REQUESTS}/${id(request)}/approve`, approval)
export const refuseRequest = (request: number, reason: string) =>
  json<AccessRequest>('POST', `${REQUESTS}/${id(request)}/refuse`, { reason })
export const cancelRequest = (request: number) =>
  json<AccessRequest>('POST', `${REQUESTS}/${id(request)}/cancel`, {})

export type Because = Omit<Schemas['ReachBecause'], 'rights'> & { rights: GrantRight[] }
export type Reach = Omit<Schemas['Reach'], 'rights' | 'because'> & {
  rights: GrantRight[]
  because: Because[]
}
export const reachOfServer = (server: number) =>
  all<'items', Reach>(`/api/v1/servers/${id(server)}/access`, 'items')
export const reachOfUser = (user: number) => all<'items', Reach>(`/api/v1/users/${id(user)}/access`, 'items')
