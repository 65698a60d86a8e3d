// What is typed into the form of a server, and what is sent for it.

import type { Server, ServerFields } from '../api/servers.ts'

export interface Draft {
  name: string
  host: string
  port: string
  tags: string
  group: string
  platform: string
  notes: string
  jump: string
  agentPort: string
  legacy: boolean
  forwarding: boolean
  askHostKey: boolean
  /** An id, '' for none, or `new` for the two fields after it. */
  credential: string
  username: string
  password: string
}

export const NEW = 'new'
const PORT_OF_SSH = 22
export const LAST_PORT = 65_535

export function draftOf(server: Server | null): Draft {
  return {
    name: server?.name ?? '',
    host: server?.host ?? '',
    port: String(server?.port ?? PORT_OF_SSH),
    tags: server?.tags.join(', ') ?? '',
    group: server?.group ?? '',
    platform: server?.platform ?? '',
    notes: server?.notes ?? '',
    jump: server?.jump ? String(server.jump.id) : '',
    agentPort: server?.agent_port ? String(server.agent_port) : '',
    legacy: server?.legacy_algorithms ?? false,
    forwarding: server?.agent_forwarding ?? false,
    askHostKey: server?.ask_host_key ?? true,
    credential: server ? String(server.default_credential?.id ?? '') : NEW,
    username: '',
    password: '',
  }
}

/** Words with commas or spaces between them, each once. */
export function readTags(text: string): string[] {
  return [...new Set(text.split(/[,，\s]+/).filter(Boolean))]
}

export function portFault(text: string): boolean {
  const port = Number(text)
  return !/^\d{1,5}$/.test(text.trim()) || port < 1 || port > LAST_PORT
}

/**
 * `root@db-1:2222`, `ssh://…` and `[2001:db8::1]:22` as somebody pastes them into the field of the host. Null: it
 * is a plain host.
 */
export function readAddress(text: string): { host: string; port?: string; username?: string } | null {
  const found =
    /^(?:ssh:\/\/)?(?:([^\s@]+)@)?(?:\[([0-9a-fA-F:%.\w]+)\]|([^\s:@/]+))(?::(\d{1,5}))?\/?$/.exec(
      text.trim(),
    )
  if (!found) return null
  const [, username, six, plain, port] = found
  const host = six ?? plain ?? ''
  if (!username && !port && !six && !text.includes('://')) return null
  return { host, ...(port && { port }), ...(username && { username }) }
}

const orNull = (text: string) => text.trim() || null

/** The whole server as the form has it. */
export function fieldsOf(draft: Draft): ServerFields {
  const fields: ServerFields = {
    name: draft.name.trim() || draft.host.trim(),
    host: draft.host.trim(),
    port: Number(draft.port),
    tags: readTags(draft.tags),
    group: orNull(draft.group),
    platform: draft.platform.trim() || 'linux',
    notes: orNull(draft.notes),
    jump_id: draft.jump ? Number(draft.jump) : null,
    agent_port: draft.agentPort.trim() ? Number(draft.agentPort) : null,
    legacy_algorithms: draft.legacy,
    agent_forwarding: draft.forwarding,
    ask_host_key: draft.askHostKey,
  }
  if (draft.credential !== NEW)
    fields.default_credential_id = draft.credential ? Number(draft.credential) : null
  else if (draft.username.trim()) {
    fields.username = draft.username.trim()
    if (draft.password) fields.password = draft.password
  }
  return fields
}
