import { Button } from 'antd'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { changeUser, createLoginLink, createUser, deleteUser, type Problem } from '../../api/client.ts'
import { resetFactors } from '../../api/factors.ts'
import { useMe } from '../../api/me.ts'
import type { Role, User } from '../../api/types.ts'
import { SettingsDialog } from '../../limits/dialog.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { DialogForm } from '../../parts/dialog-form.tsx'
import { Choice, Field, Toggle } from '../../parts/field.tsx'
import { Notice, ProblemNotice } from '../../parts/notice.tsx'
import { Secret } from '../../parts/secret.tsx'
import { Sure } from '../../parts/sure.tsx'
import { Until } from '../../parts/until.tsx'
import { useAction } from '../../parts/use-load.ts'
import { IdentitiesOf } from './identities.tsx'

/** 1 to 64 of `a-z0-9._-`, beginning with a letter or a digit. */
const USERNAME = /^[a-z0-9][a-z0-9._-]{0,63}$/

type Link = { url: string; expires: string }

export function NewUserDialog({ close }: { close: () => void }) {
  const { t } = useTranslation()
  const [username, setUsername] = useState('')
  const [draft, setDraft] = useState<Draft>({ name: '', role: 'user', account: '' })
  const [made, setMade] = useState<{ user: User; link: Link } | null>(null)
  const act = async () => {
    const user = await createUser({
      username,
      role: draft.role,
      ...(draft.name.trim() && { display_name: draft.name.trim() }),
      ...(draft.account.trim() && { account: draft.account.trim() }),
    })
    setMade({ user, link: await createLoginLink(user.id) })
  }
  if (made) return <ShownLink user={made.user} link={made.link} close={close} />
  const taken = (problem: Problem | null) => problem?.kind === 'username_taken'
  const malformed = username !== '' && !USERNAME.test(username)
  return (
    <DialogForm
      title={t('users.create')}
      yes={t('users.create.submit')}
      ready={USERNAME.test(username)}
      words={(problem) => (taken(problem) ? null : undefined)}
      act={act}
      close={close}
    >
      {(problem) => (
        <>
          <Field
            label={t('users.username')}
            hint={t('users.username.hint')}
            autoFocus
            required
            autoCapitalize="none"
            spellCheck={false}
            autoComplete="off"
            value={username}
            onChange={(event) => setUsername(event.target.value)}
            error={taken(problem) ? t('users.taken') : malformed ? t('users.malformed') : null}
          />
          <PersonFields draft={draft} change={setDraft} />
        </>
      )}
    </DialogForm>
  )
}

/** What is said of a person, new or not. */
interface Draft {
  name: string
  role: Role
  account: string
}

function PersonFields({ draft, change }: { draft: Draft; change: (draft: Draft) => void }) {
  const { t } = useTranslation()
  const { name, role, account } = draft
  return (
    <>
      <Field
        label={t('users.display')}
        autoComplete="off"
        maxLength={128}
        value={name}
        onChange={(event) => change({ ...draft, name: event.target.value })}
      />
      <Choice
        label={t('users.column.role')}
        options={{
          user: t('users.role.user'),
          reviewer: t('users.role.reviewer'),
          auditor: t('users.role.auditor'),
          operator: t('users.role.operator'),
          admin: t('users.role.admin'),
        }}
        value={role}
        choose={(role) => change({ ...draft, role })}
        hint={t(`users.role.${role}.hint`)}
      />
      <Field
        label={t('users.column.account')}
        hint={t('users.account.hint')}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        value={account}
        onChange={(event) => change({ ...draft, account: event.target.value })}
      />
    </>
  )
}

/** Words for what the server refuses about people; the rest is its own words. */
function useUserWords() {
  const { t } = useTranslation()
  return (problem: Problem) =>
    problem.kind === 'last_administrator' ? <Notice tone="bad">{t('users.last')}</Notice> : undefined
}

export function EditUser({ user, close }: { user: User; close: () => void }) {
  const { t } = useTranslation()
  const me = useMe()?.user.id
  const [draft, setDraft] = useState<Draft>({
    name: user.display_name ?? '',
    role: user.role,
    account: user.account ?? '',
  })
  const [enabled, setEnabled] = useState(user.enabled)
  const [limits, setLimits] = useState(false)
  const [identities, setIdentities] = useState(false)
  const [reset, setReset] = useState(false)
  const words = useUserWords()
  const act = async () => {
    await changeUser(user.id, {
      display_name: draft.name.trim() || null,
      role: draft.role,
      account: draft.account.trim() || null,
      enabled,
    })
    close()
  }
  if (identities) return <IdentitiesOf user={user} close={close} />
  if (limits) return <SettingsDialog scope={{ user: user.id }} name={user.username} close={close} />
  if (reset) {
    return (
      <Sure
        title={t('users.reset.title', { name: user.username })}
        yes={t('users.reset.yes')}
        act={() => resetFactors(user.id)}
        close={close}
      >
        <p>{t('users.reset.lead')}</p>
      </Sure>
    )
  }
  return (
    <DialogForm
      title={t('users.edit.title', { name: user.username })}
      yes={t('form.save')}
      words={words}
      beside={
        <>
          <Button onClick={() => setLimits(true)}>{t('limits.open')}</Button>
          <Button onClick={() => setIdentities(true)}>{t('identities.open')}</Button>
          {/* One's own is refused: a browser left open would be enough. */}
          {user.second_factor && user.id !== me && (
            <Button onClick={() => setReset(true)}>{t('users.reset')}</Button>
          )}
        </>
      }
      act={act}
      close={close}
    >
      <PersonFields draft={draft} change={setDraft} />
      <Toggle
        label={t('users.enabled')}
        hint={user.id === me && !enabled ? t('users.enabled.self') : t('users.enabled.hint')}
        on={enabled}
        turn={setEnabled}
      />
    </DialogForm>
  )
}

export function LinkFor({ user, close }: { user: User; close: () => void }) {
  const { t } = useTranslation()
  const [link, setLink] = useState<Link | null>(null)
  const { busy, problem, run } = useAction()
  if (link) return <ShownLink user={user} link={link} close={close} />
  return (
    <Dialog title={t('users.link.title', { name: user.username })} close={close}>
      <p>{t('users.link.lead')}</p>
      <ProblemNotice problem={problem} />
      <div className="dialog-actions">
        <Button onClick={close}>{t('form.cancel')}</Button>
        <Button
          type="primary"
          loading={busy}
          onClick={() => run(async () => setLink(await createLoginLink(user.id)))}
        >
          {t('users.link.make')}
        </Button>
      </div>
    </Dialog>
  )
}

function ShownLink({ user, link, close }: { user: User; link: Link; close: () => void }) {
  const { t } = useTranslation()
  return (
    <Dialog title={t('users.link.title', { name: user.username })} close={close}>
      <Secret label={t('users.link')} text={link.url}>
        {t('users.link.once', { name: user.username })} <Until at={link.expires} />
      </Secret>
      <div className="dialog-actions">
        <Button onClick={close}>{t('form.done')}</Button>
      </div>
    </Dialog>
  )
}

export function DeleteUser({ user, close }: { user: User; close: () => void }) {
  const { t } = useTranslation()
  const [typed, setTyped] = useState('')
  const words = useUserWords()
  const act = async () => {
    await deleteUser(user.id)
    close()
  }
  return (
    <DialogForm
      title={t('users.delete.title', { name: user.username })}
      yes={t('users.delete')}
      danger
      ready={typed === user.username}
      words={words}
      act={act}
      close={close}
    >
      <p>{t('users.delete.lead')}</p>
      <Field
        label={t('users.delete.confirm', { name: user.username })}
        autoFocus
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
    </DialogForm>
  )
}
