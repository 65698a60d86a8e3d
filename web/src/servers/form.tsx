import { Button } from 'antd'
import { type FormEvent, useCallback, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useRight } from '../api/me.ts'
import { allServers, changeServer, createServer, listCredentials, type Server } from '../api/servers.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Choice, Field, Toggle } from '../parts/field.tsx'
import { ProblemNotice } from '../parts/notice.tsx'
import { useAction, useLoad } from '../parts/use-load.ts'
import { type Draft, draftOf, fieldsOf, NEW, portFault, readAddress } from './fields.ts'
import { TestServer } from './test.tsx'

type Change = (part: Partial<Draft>) => void

/** Adds a server, or changes `server`. After adding it stays open for the test. */
export function ServerForm({ server, close }: { server: Server | null; close: () => void }) {
  const { t } = useTranslation()
  const [saved, setSaved] = useState(server)
  const [tested, setTested] = useState(false)
  const [draft, setDraft] = useState(() => draftOf(server))
  const { busy, problem, run } = useAction()
  const change: Change = (part) => setDraft((before) => ({ ...before, ...part }))
  const wrong = portFault(draft.port) || (draft.agentPort !== '' && portFault(draft.agentPort))
  const save = (test: boolean) =>
    run(async () => {
      const fields = fieldsOf(draft)
      const now = saved ? await changeServer(saved.id, fields) : await createServer(fields)
      if (!test) {
        close()
        return
      }
      setSaved(now)
      setDraft({ ...draftOf(now), ...(draft.credential === NEW && { credential: draftOf(now).credential }) })
      setTested(true)
    })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    save(false)
  }
  const title = server ? t('servers.edit.title', { name: server.name }) : t('servers.add')
  const ready = draft.host.trim() !== '' && !wrong
  return (
    <Dialog title={title} close={close} side>
      <form className="form" onSubmit={submit}>
        <Where draft={draft} change={change} />
        <LogIn draft={draft} change={change} />
        <Field
          label={t('servers.tags')}
          hint={t('servers.tags.hint')}
          autoComplete="off"
          spellCheck={false}
          value={draft.tags}
          onChange={(event) => change({ tags: event.target.value })}
        />
        <Field
          label={t('servers.group')}
          autoComplete="off"
          value={draft.group}
          onChange={(event) => change({ group: event.target.value })}
        />
        <Advanced draft={draft} change={change} own={saved?.id ?? null} />
        <ProblemNotice problem={problem} />
        {saved && tested && <TestServer key={`${saved.id} ${JSON.stringify(saved)}`} server={saved} />}
        <div className="dialog-actions">
          <Button onClick={close}>{saved && !server ? t('form.done') : t('form.cancel')}</Button>
          <Button loading={busy} disabled={!ready} onClick={() => save(true)}>
            {t('servers.save.test')}
          </Button>
          <Button type="primary" htmlType="submit" loading={busy} disabled={!ready}>
            {saved ? t('form.save') : t('servers.add.submit')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

function Where({ draft, change }: { draft: Draft; change: Change }) {
  const { t } = useTranslation()
  const pasted = () => {
    const read = readAddress(draft.host)
    if (read) change(read)
  }
  return (
    <>
      <div className="pair address">
        <Field
          label={t('servers.host')}
          hint={t('servers.host.hint')}
          autoFocus
          required
          autoCapitalize="none"
          autoComplete="off"
          spellCheck={false}
          value={draft.host}
          onChange={(event) => change({ host: event.target.value })}
          onBlur={pasted}
        />
        <Field
          label={t('servers.port')}
          inputMode="numeric"
          autoComplete="off"
          value={draft.port}
          onChange={(event) => change({ port: event.target.value })}
          error={portFault(draft.port) ? t('servers.port.wrong') : null}
        />
      </div>
      <Field
        label={t('servers.name')}
        placeholder={draft.host}
        autoComplete="off"
        spellCheck={false}
        value={draft.name}
        onChange={(event) => change({ name: event.target.value })}
      />
    </>
  )
}

/** With a stored credential, with a new one, or with what is asked each time. */
function LogIn({ draft, change }: { draft: Draft; change: Change }) {
  const { t } = useTranslation()
  const may = useRight('credential_list')
  const { data } = useLoad(useCallback(async () => (may ? listCredentials() : []), [may]))
  const options: Record<string, string> = {
    [NEW]: t('servers.credential.new'),
    '': t('servers.credential.none'),
  }
  for (const one of data ?? []) options[one.id] = `${one.name} (${one.username})`
  if (draft.credential && !(draft.credential in options)) options[draft.credential] = '…'
  return (
    <>
      <Choice
        label={t('servers.credential')}
        hint={t('servers.credential.hint')}
        options={options}
        value={draft.credential}
        choose={(credential) => change({ credential })}
      />
      {draft.credential === NEW && (
        <div className="pair">
          <Field
            label={t('servers.username')}
            autoCapitalize="none"
            autoComplete="off"
            spellCheck={false}
            value={draft.username}
            onChange={(event) => change({ username: event.target.value })}
          />
          <Field
            label={t('servers.password')}
            hint={t('servers.password.hint')}
            type="password"
            autoComplete="new-password"
            value={draft.password}
            onChange={(event) => change({ password: event.target.value })}
          />
        </div>
      )}
    </>
  )
}

function Advanced({ draft, change, own }: { draft: Draft; change: Change; own: number | null }) {
  const { t } = useTranslation()
  const { data } = useLoad(allServers)
  const jumps: Record<string, string> = { '': t('servers.jump.none') }
  for (const one of data ?? []) if (one.id !== own) jumps[String(one.id)] = one.name
  if (draft.jump && !(draft.jump in jumps)) jumps[draft.jump] = '…'
  return (
    <details className="advanced">
      <summary>{t('servers.advanced')}</summary>
      <div className="form">
        <Choice
          label={t('servers.jump')}
          hint={t('servers.jump.hint')}
          options={jumps}
          value={draft.jump}
          choose={(jump) => change({ jump })}
        />
        <Toggle
          label={t('servers.ask_host_key')}
          hint={t('servers.ask_host_key.hint')}
          on={draft.askHostKey}
          turn={(askHostKey) => change({ askHostKey })}
        />
        <Toggle
          label={t('servers.legacy')}
          hint={t('servers.legacy.hint')}
          on={draft.legacy}
          turn={(legacy) => change({ legacy })}
        />
        <Toggle
          label={t('servers.forwarding')}
          hint={t('servers.forwarding.hint')}
          on={draft.forwarding}
          turn={(forwarding) => change({ forwarding })}
        />
        <div className="pair">
          <Field
            label={t('servers.platform')}
            autoComplete="off"
            value={draft.platform}
            onChange={(event) => change({ platform: event.target.value })}
          />
          <Field
            label={t('servers.agent_port')}
            inputMode="numeric"
            autoComplete="off"
            value={draft.agentPort}
            onChange={(event) => change({ agentPort: event.target.value })}
            error={draft.agentPort && portFault(draft.agentPort) ? t('servers.port.wrong') : null}
          />
        </div>
        <div className="field">
          <label htmlFor="server-notes">{t('servers.notes')}</label>
          <textarea
            id="server-notes"
            className="input area"
            rows={3}
            value={draft.notes}
            onChange={(event) => change({ notes: event.target.value })}
          />
        </div>
      </div>
    </details>
  )
}
