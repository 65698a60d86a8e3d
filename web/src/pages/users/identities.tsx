import { Button } from 'antd'
import { type FormEvent, useCallback, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { addIdentity, deleteIdentity, listIdentities } from '../../api/client.ts'
import type { Identity, User } from '../../api/types.ts'
import { Dialog } from '../../parts/dialog.tsx'
import { Field } from '../../parts/field.tsx'
import { MadeAndUsed } from '../../parts/made-and-used.tsx'
import { ProblemNotice } from '../../parts/notice.tsx'
import { Sure } from '../../parts/sure.tsx'
import { useAction, useLoad } from '../../parts/use-load.ts'

/** By whom the provider of single sign-on knows somebody. */
export function IdentitiesOf({ user, close }: { user: User; close: () => void }) {
  const { t } = useTranslation()
  const { data, problem, reload } = useLoad(useCallback(() => listIdentities(user.id), [user.id]))
  const [subject, setSubject] = useState('')
  const [removing, setRemoving] = useState<Identity | null>(null)
  const { busy, problem: refused, run } = useAction()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    run(async () => {
      await addIdentity(user.id, subject.trim())
      setSubject('')
      reload()
    })
  }
  if (removing) {
    return (
      <Sure
        title={t('identities.remove.title', { name: user.username })}
        yes={t('identities.remove')}
        act={() => deleteIdentity(user.id, removing.id)}
        close={() => {
          setRemoving(null)
          reload()
        }}
      >
        <p>{t('identities.remove.lead')}</p>
      </Sure>
    )
  }
  return (
    <Dialog title={t('identities.title', { name: user.username })} close={close}>
      <ProblemNotice problem={problem} retry={reload} />
      {data?.length === 0 && <p className="soft">{t('identities.none')}</p>}
      <ul className="cards">
        {data?.map((one) => (
          <li key={one.id} data-identity={one.subject}>
            <div>
              <strong>{one.name ?? one.subject}</strong>
              <p className="soft">
                <code>{one.subject}</code> · {one.issuer}
              </p>
              <MadeAndUsed made={one.created} used={one.last_used} />
            </div>
            <button
              type="button"
              className="quiet danger"
              aria-label={t('identities.remove.what', { subject: one.subject })}
              onClick={() => setRemoving(one)}
            >
              {t('identities.remove')}
            </button>
          </li>
        ))}
      </ul>
      <form className="form" onSubmit={submit}>
        <Field
          label={t('identities.subject')}
          hint={t('identities.subject.hint')}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          maxLength={255}
          value={subject}
          onChange={(event) => setSubject(event.target.value)}
        />
        <ProblemNotice problem={refused} />
        <div className="dialog-actions">
          <Button onClick={close}>{t('form.done')}</Button>
          <Button type="primary" htmlType="submit" loading={busy} disabled={!subject.trim()}>
            {t('identities.add')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
