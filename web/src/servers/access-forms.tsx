import { Button } from 'antd'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { changeGroup, createGroup, type Group } from '../api/servers.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Field } from '../parts/field.tsx'
import { ProblemNotice } from '../parts/notice.tsx'
import { useAction } from '../parts/use-load.ts'
import type { Names } from './names.ts'

export function GroupForm({ group, names, close }: { group: Group | null; names: Names; close: () => void }) {
  const { t } = useTranslation()
  const [name, setName] = useState(group?.name ?? '')
  const [members, setMembers] = useState<ReadonlySet<number>>(() => new Set(group?.members))
  const { busy, problem, run } = useAction()
  const toggle = (id: number) => {
    const now = new Set(members)
    if (!now.delete(id)) now.add(id)
    setMembers(now)
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    run(async () => {
      if (group) await changeGroup(group.id, { name: name.trim(), members: [...members] })
      else await createGroup(name.trim(), [...members])
      close()
    })
  }
  return (
    <Dialog
      title={group ? t('servers.edit.title', { name: group.name }) : t('access.group.add')}
      close={close}
    >
      <form className="form" onSubmit={submit}>
        <Field
          label={t('servers.column.name')}
          autoFocus
          required
          autoComplete="off"
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <fieldset className="choices members">
          <legend>{t('access.members')}</legend>
          {[...names.users].map(([id, username]) => (
            <label key={id}>
              <input type="checkbox" checked={members.has(id)} onChange={() => toggle(id)} />
              {username}
            </label>
          ))}
        </fieldset>
        <ProblemNotice problem={problem} />
        <div className="dialog-actions">
          <Button onClick={close}>{t('form.cancel')}</Button>
          <Button type="primary" htmlType="submit" loading={busy} disabled={!name.trim()}>
            {t('form.save')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
